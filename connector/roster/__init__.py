"""Places that name who is to be activated."""
