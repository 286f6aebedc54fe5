import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture
def sqs(aws):
    return aws("sqs")


@pytest.fixture
def queue(sqs, unique):
    """queue(**attributes) makes a queue and gives its URL; fifo=True a FIFO one."""
    made = []

    def make(fifo=False, **attributes):
        name = unique("queue") + (".fifo" if fifo else "")
        if fifo:
            attributes["FifoQueue"] = "true"
        url = sqs.create_queue(QueueName=name, Attributes={key: str(value) for key, value in attributes.items()})
        made.append(url["QueueUrl"])
        return url["QueueUrl"]

    yield make
    for url in made:
        try:
            sqs.delete_queue(QueueUrl=url)
        except sqs.exceptions.QueueDoesNotExist:
            pass
