"""``python -m regstore``: the command line, where its script is not found."""

from regstore.cli import main

if __name__ == "__main__":
    main()
