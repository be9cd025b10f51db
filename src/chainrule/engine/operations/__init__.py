"""Every operation of the engine: how layers are lowered to it, and its kernel."""
