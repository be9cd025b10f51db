"""Code under examination, of every style, as a loss of named arrays with its gradients."""
