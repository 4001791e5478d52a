"""The on-premises calendar connector."""
