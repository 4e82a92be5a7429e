"""The command ``nengo-lr``, as ``python -m nengo_lr``."""

from nengo_lr.cli import main

if __name__ == "__main__":
    main()
