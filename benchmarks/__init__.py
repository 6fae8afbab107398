"""Programs that measure; README.md says what and how."""
