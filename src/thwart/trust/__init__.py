"""Trust: an artifact, what vouches for it, a policy, roots and a moment in; a verdict with every reason out."""
