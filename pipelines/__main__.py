"""``python -m pipelines``: the same as the installed command ``fairlead``."""

from pipelines.cli import main

if __name__ == "__main__":
    main()
