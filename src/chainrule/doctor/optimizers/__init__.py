"""An optimizer's steps beside the formulas."""
