"""The real numbers of some examples in every layer, forward and backward.

`trace` runs the network and keeps what each layer receives and gives, `statistics` describes an
array, `findings` says where something is wrong, and `page` shows it all with `images`.
"""
