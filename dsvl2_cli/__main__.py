"""`python -m dsvl2_cli` is the same as `dsvl2`."""

from dsvl2_cli.start import main

if __name__ == "__main__":
    main()
