"""A local testnet: Binance's spot REST dialect over HTTP, in front of the matching engine.

    server    sockets: one request in, one answer out
    exchange  what a request goes through: limits, parameters, security, faults, the endpoint
    routes    which endpoint takes which parameters, and what it weighs
    venue     the account, the markets and the clock, under one lock
    control   the door for whoever tests with it: clock, faults, what was executed

It answers what the documentation says (https://github.com/binance/binance-spot-api-docs), and refuses wherever that
leaves room: it must never be kinder than Binance.
"""
