"""Binance over REST, on python-binance: the keyless market data, and the test venues that orders may go to.

market       klines, rules and prices, keyless
exchange     the account: orders and what became of them
api          reads with retries, signed reads, the one request that sends an order; the server's time
client       python-binance's clients, one a thread, and its errors in our words
refusals     what a status and a code mean for a read, and for an order
answers      the account's JSON as values
rules        exchangeInfo as trading rules
venues       where orders may go
keys         what requests are signed with
weights      what requests weigh, and when no more may be sent
server_time  the server's clock as far as it is known
"""
