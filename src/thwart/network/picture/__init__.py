"""Pictures of a map: what to show, where it stands. Geometry only; `network.formats` writes the markup."""
