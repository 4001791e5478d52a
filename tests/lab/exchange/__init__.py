"""An Exchange of our own: organisation, web services and Autodiscover, for development, the demo and the tests."""
