"""The long-running process: threads, signals, reload, and the service manager."""
