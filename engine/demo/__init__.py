"""The demo workspace, and the rehearsal that judges the whole path."""
