"""Built-in agents. They are entry points, loaded like any other plugin."""
