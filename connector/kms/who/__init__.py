"""Who asks: access tokens of an issuer, keys of connectors, tokens of anonymous authorizations."""
