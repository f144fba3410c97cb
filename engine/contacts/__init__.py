"""The people: what is known of them, how they are reached, how they are found."""
