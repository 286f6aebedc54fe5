"""Many clients that change one item: nothing is lost, nobody is refused, and writes share the disk's syncs."""

import threading
import urllib.request

from botocore.config import Config

CLIENTS, WRITES = 16, 25


def store_metrics(server):
    with urllib.request.urlopen(f"{server.endpoint}/metrics") as answer:
        lines = [line.split() for line in answer.read().decode().splitlines()]
    return {line[0]: float(line[1]) for line in lines if line[0] in ("cumulet_storage_commits", "cumulet_storage_syncs")}


def test_one_hot_key(own_server, aws_for):
    aws = aws_for(own_server)
    aws("dynamodb").create_table(
        TableName="hot", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    client = aws.client("dynamodb", config=Config(max_pool_connections=CLIENTS, retries={"max_attempts": 1}))
    seen, failed = [], []
    together = threading.Barrier(CLIENTS)

    def add():
        together.wait()
        try:
            for _ in range(WRITES):
                answer = client.update_item(
                    TableName="hot", Key={"id": {"S": "one"}}, UpdateExpression="ADD n :one",
                    ExpressionAttributeValues={":one": {"N": "1"}}, ReturnValues="UPDATED_NEW")
                seen.append(int(answer["Attributes"]["n"]["N"]))
        except Exception as error:
            failed.append(error)

    before = store_metrics(own_server)
    threads = [threading.Thread(target=add) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = store_metrics(own_server)
    assert failed == [] and sorted(seen) == list(range(1, CLIENTS * WRITES + 1))
    commits, syncs = (after[name] - before[name] for name in ("cumulet_storage_commits", "cumulet_storage_syncs"))
    assert commits >= CLIENTS * WRITES and syncs < commits
