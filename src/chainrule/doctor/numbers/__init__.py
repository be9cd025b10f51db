"""The true gradients, and what the numbers say of wrong ones.

finite_differences  the true gradients
examined            what is known about a subject at one point
examination         which gradients are wrong
conventions         what is wrong by itself, and right in a network that counts on it
evidence            a wrong gradient beside the true one
signatures          the causes that fit: a factor, a transpose, a sum; layer_kinds,
                    normalization_paths and examples_used look closer
in_words            what is said where none fits
"""
