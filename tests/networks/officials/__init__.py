"""Programs that drive official clients. They run where the client is installed, not here."""
