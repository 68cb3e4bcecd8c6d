"""Values that every layer shares. No behaviour beyond reading themselves."""
