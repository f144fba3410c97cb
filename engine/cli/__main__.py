"""`python -m engine.cli`."""

from engine.cli.command import app

if __name__ == "__main__":
    app(prog_name="pregon")
