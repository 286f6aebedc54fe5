import email
import json
import re
import socketserver
import threading
import urllib.request

import pytest
from botocore.exceptions import ClientError


class MailServer:
    """Takes letters by SMTP."""

    def __init__(self):
        self.letters = []
        mails = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                say = lambda text: self.wfile.write(text.encode() + b"\r\n")  # noqa: E731
                say("220 test")
                sender = receiver = ""
                for line in self.rfile:
                    word = line.decode().strip()
                    if word.upper().startswith("MAIL FROM"):
                        sender = word
                    if word.upper().startswith("RCPT TO"):
                        receiver = word
                    if word.upper() == "DATA":
                        say("354 go on")
                        text = b""
                        while not text.endswith(b"\r\n.\r\n"):
                            text += self.rfile.readline()
                        mails.letters.append((sender, receiver, email.message_from_bytes(text[:-5])))
                    say("221 bye" if word.upper() == "QUIT" else "250 ok")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def texts_to(self, address):
        return [letter.get_payload(decode=True).decode() for _, to, letter in list(self.letters) if address in to]


@pytest.fixture
def mails():
    running = MailServer()
    yield running
    running.server.shutdown()


def test_mail_is_confirmed_and_sent(make_server, aws_for, mails, wait_until):
    server = make_server("--smtp", mails.url, "--smtp-from", "no-reply@example.org")
    sns = aws_for(server)("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.org")
    asked = wait_until(lambda: mails.texts_to("reader@example.org"))[0]
    with urllib.request.urlopen(re.search(r"http://\S+Token=\S+", asked)[0]) as answer:
        assert answer.status == 200
    sns.publish(TopicArn=topic, Message="grüße", Subject="news")
    wait_until(lambda: len(mails.texts_to("reader@example.org")) == 2)
    sender, _, letter = mails.letters[-1]
    assert letter.get_payload(decode=True).decode().startswith("grüße") and letter["Subject"] == "news"
    assert "no-reply@example.org" in sender


def test_text_messages_go_through_the_gateway(make_server, aws_for, receiver, wait_until):
    server = make_server("--sms-gateway", receiver.url + "/sms")
    sns = aws_for(server)("sns")
    sns.set_sms_attributes(attributes={"DefaultSenderID": "Cumulet"})
    sns.publish(PhoneNumber="+49 170 1234567", Message="hello")
    got = json.loads(receiver.received[-1][2])
    assert (got["phoneNumber"], got["message"], got["senderId"]) == ("+491701234567", "hello", "Cumulet")
    receiver.answers.put(410)
    with pytest.raises(ClientError):
        sns.publish(PhoneNumber="+491701234567", Message="stop it")
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+491701234567")["isOptedOut"]
    sns.opt_in_phone_number(phoneNumber="+491701234567")
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []


def test_without_a_gateway_text_messages_are_refused(sns):
    with pytest.raises(ClientError) as refused:
        sns.publish(PhoneNumber="+491701234567", Message="x")
    assert refused.value.response["Error"]["Code"] == "InvalidParameter"
