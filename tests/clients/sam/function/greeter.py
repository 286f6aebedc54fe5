import os

import yaml  # from requirements.txt: `sam build` put it beside this file


def handler(event, context):
    name = event.get("pathParameters", event).get("name")
    return {"statusCode": 200, "body": yaml.safe_dump({"greeting": f"{os.environ['GREETING']} {name}"}).strip()}
