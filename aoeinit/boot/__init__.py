"""What runs at boot: the agent (``init`` and ``lib/``), and the contract between it and the builder."""
