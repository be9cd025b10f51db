"""The process in which code is examined, and its limits.

sandbox             starts it, and says how it ended
worker              what runs in it
"""
