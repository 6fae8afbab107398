"""Built-in channels. They are entry points, loaded like any other plugin."""
