"""The `pregon` command."""
