"""What the two servers of ours, hub and key server, do alike: their SQLite file, and being alone on it."""
