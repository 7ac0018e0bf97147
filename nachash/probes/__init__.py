"""What a frozen encoder knows, one file per probe."""
