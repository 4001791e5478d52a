"""Keywords become join details in invitations: noticed, planned, carried out by steps that a kill can't double."""
