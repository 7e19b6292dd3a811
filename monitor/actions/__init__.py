"""What a person can ask for: one plain function a command, for the command line and others."""
