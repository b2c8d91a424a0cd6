"""Wire families: `encode(request) -> HttpCall` and `decode(HttpReply) -> Completion | Failure`, both pure."""
