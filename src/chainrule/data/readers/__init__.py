"""Files as they are: each reader answers with `Raw` examples, nothing of them scaled or chosen."""
