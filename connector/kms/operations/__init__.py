"""What clients may ask for, one function for each row of the protocol's table; ``table`` names them all."""
