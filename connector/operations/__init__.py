"""What an administrator can ask for, in domain words: the same functions behind the control socket and the commands."""
