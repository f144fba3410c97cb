"""The processes of an installation: started, watched and stopped together."""
