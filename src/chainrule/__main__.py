"""``chainrule``, and ``python -m chainrule``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command, or say what it needs where not all is installed."""
    try:
        from chainrule.cli import main as run
    except ModuleNotFoundError as error:
        from chainrule.extras import missing_package

        print(f"chainrule: {missing_package('the command line', error)}", file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
