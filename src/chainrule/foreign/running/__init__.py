"""Running code under examination: frozen randomness, effort counted, what runs noted."""
