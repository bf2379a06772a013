"""The server: HTTP in front of the api; here the admission webhook and the authorization plugin for Docker."""
