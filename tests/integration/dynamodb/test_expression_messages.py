"""What is refused of expressions, and in which words: a table of cases along the documented grammar and limits."""

import pytest
from botocore.exceptions import ClientError

CONDITION, UPDATE, PROJECTION, KEYS, FILTER = "Condition", "Update", "Projection", "KeyCondition", "Filter"
ONE, TWO, TEXT, LIST = {"N": "1"}, {"N": "2"}, {"S": "x"}, {"L": [{"N": "1"}]}

# Kind, expression, names, values, message.
CASES = [
    (CONDITION, "", None, None, "Invalid ConditionExpression: The expression can not be empty;"),
    (UPDATE, "", None, None, "Invalid UpdateExpression: The expression can not be empty;"),
    (PROJECTION, "", None, None, "Invalid ProjectionExpression: The expression can not be empty;"),
    (CONDITION, "a = ", None, None, "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \"= \""),
    (CONDITION, "a == :v", None, {":v": ONE}, "Invalid ConditionExpression: Syntax error; token: \"=\", near: \"== :v\""),
    (CONDITION, "(a = :v", None, {":v": ONE}, "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \":v\""),
    (CONDITION, "a = :v AND", None, {":v": ONE}, "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \"AND\""),
    (CONDITION, "a = 1", None, None, "Invalid ConditionExpression: Syntax error; token: \"1\", near: \"= 1\""),
    (UPDATE, "SET", None, None, "Invalid UpdateExpression: Syntax error; token: \"<EOF>\", near: \"SET\""),
    (UPDATE, "SET a = :v,", None, {":v": ONE}, "Invalid UpdateExpression: Syntax error; token: \"<EOF>\", near: \",\""),
    (UPDATE, "PUT a = :v", None, {":v": ONE}, "Invalid UpdateExpression: Syntax error; token: \"PUT\", near: \"PUT a\""),
    (UPDATE, "SET a = :v SET b = :v", None, {":v": ONE},
     'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;'),
    (UPDATE, "REMOVE a REMOVE b", None, None,
     'Invalid UpdateExpression: The "REMOVE" section can only be used once in an update expression;'),
    (UPDATE, "SET name = :v", None, {":v": ONE},
     "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: name"),
    (CONDITION, "a.size = :v", None, {":v": ONE},
     "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: size"),
    (CONDITION, "a = :v", None, None,
     "Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :v"),
    (CONDITION, "#a = :v", None, {":v": ONE},
     "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #a"),
    (CONDITION, "attribute_exists(a)", None, {":v": ONE},
     "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"),
    (CONDITION, "attribute_exists(a)", {"#a": "a"}, None,
     "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}"),
    (CONDITION, "attribute_exists(a)", {"a": "a"}, None, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'),
    (CONDITION, "a = :v", None, {"v": ONE}, 'ExpressionAttributeValues contains invalid key: Syntax error; key: "v"'),
    (CONDITION, "attribute_exists(a)", {}, None, "ExpressionAttributeNames must not be empty"),
    (CONDITION, "attribute_exists(a)", None, {}, "ExpressionAttributeValues must not be empty"),
    (CONDITION, "nothing(a)", None, None, "Invalid ConditionExpression: Invalid function name; function: nothing"),
    (CONDITION, "begins_with(a)", None, None,
     "Invalid ConditionExpression: Incorrect number of operands for operator or function; operator or function: "
     "begins_with, number of operands: 1"),
    (CONDITION, "begins_with(a, :v)", None, {":v": ONE},
     "Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, "
     "operand type: N"),
    (CONDITION, "size(a)", None, None,
     "Invalid ConditionExpression: The function is not allowed to be used this way in an expression; function: size"),
    (CONDITION, "attribute_exists(a) = :v", None, {":v": ONE},
     "Invalid ConditionExpression: The function is not allowed to be used this way in an expression; function: "
     "attribute_exists"),
    (CONDITION, "if_not_exists(a, :v) = :v", None, {":v": ONE},
     "Invalid ConditionExpression: Invalid function name; function: if_not_exists"),
    (UPDATE, "SET a = size(b)", None, None,
     "Invalid UpdateExpression: Invalid function name; function: size"),
    (CONDITION, "attribute_exists(:v)", None, {":v": ONE},
     "Invalid ConditionExpression: Operator or function requires a document path; operator or function: attribute_exists"),
    (CONDITION, "attribute_type(a, :v)", None, {":v": TEXT},
     "Invalid ConditionExpression: Invalid attribute type name found; type: x, valid types: "
     "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"),
    (CONDITION, "a BETWEEN :b AND :a", None, {":a": ONE, ":b": TWO},
     "Invalid ConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
     "lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"),
    (CONDITION, "a BETWEEN :a AND :b", None, {":a": ONE, ":b": TEXT},
     "Invalid ConditionExpression: The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
     "operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}"),
    (CONDITION, "a = a", None, None,
     "Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator or "
     "function; operator: =, first operand: [a]"),
    (CONDITION, "a < :v", None, {":v": LIST},
     "Invalid ConditionExpression: Incorrect operand type for operator or function; operator: <, operand "
     "type: L"),
    (UPDATE, "SET a = :v, a.b = :v", None, {":v": ONE},
     "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; "
     "path one: [a], path two: [a, b]"),
    (UPDATE, "SET a.b = :v REMOVE a[0]", None, {":v": ONE},
     "Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; "
     "path one: [a, b], path two: [a, [0]]"),
    (PROJECTION, "a, a.b", None, None,
     "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; "
     "path one: [a], path two: [a, b]"),
    (UPDATE, "SET pk = :v", None, {":v": TEXT},
     "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"),
    (UPDATE, "SET a = b", None, None, "The provided expression refers to an attribute that does not exist in the item"),
    (UPDATE, "SET a.b = :v", None, {":v": ONE}, "The document path provided in the update expression is invalid for update"),
    (UPDATE, "SET n = t + :v", None, {":v": ONE}, "An operand in the update expression has an incorrect data type"),
    (UPDATE, "ADD t :v", None, {":v": ONE}, "An operand in the update expression has an incorrect data type"),
    (UPDATE, "ADD a :v", None, {":v": TEXT},
     "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: STRING"),
    (UPDATE, "DELETE a :v", None, {":v": ONE},
     "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER"),
    (UPDATE, "SET a = :v + :w", None, {":v": ONE, ":w": TEXT},
     "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, operand type: S"),
    (UPDATE, "SET a = list_append(:v, :w)", None, {":v": LIST, ":w": ONE},
     "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: list_append, "
     "operand type: N"),
    (KEYS, "sk = :v", None, {":v": TEXT}, "Query condition missed key schema element: pk"),
    (KEYS, "pk = :v OR sk = :v", None, {":v": TEXT},
     "Invalid operator used in KeyConditionExpression: OR"),
    (KEYS, "pk = :v AND contains(sk, :v)", None, {":v": TEXT},
     "Invalid operator used in KeyConditionExpression: contains"),
    (KEYS, "pk > :v", None, {":v": TEXT}, "Query key condition not supported"),
    (KEYS, "pk = :v AND sk > :v AND sk < :w", None, {":v": TEXT, ":w": {"S": "y"}},
     "KeyConditionExpressions must only contain one condition per key"),
    (KEYS, "pk = :v AND sk = :n", None, {":v": TEXT, ":n": ONE},
     "One or more parameter values were invalid: Condition parameter type does not match schema type"),
    (FILTER, "pk = :v", None, {":v": TEXT},
     "Filter Expression can only contain non-primary key attributes: Primary key attribute: pk"),
    (CONDITION, "a IN (" + ", ".join([":v"] * 101) + ")", None, {":v": ONE},
     "Invalid ConditionExpression: The IN operator is provided with too many operands; number of operands: 101"),
    (CONDITION, "attribute_exists(" + "a" * 4090 + ")", None, None,
     "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size;"),
    (CONDITION, " AND ".join(["a = :v"] * 301), None, {":v": ONE},
     "Invalid ConditionExpression: The expression contains too many operators"),
    (PROJECTION, "a" + ".b" * 32, None, None,
     "Invalid ProjectionExpression: The document path has too many nesting levels; nesting levels: 33"),
]


def ask(client, table, kind, expression, names, values):
    more = {}
    if names is not None:
        more["ExpressionAttributeNames"] = names
    if values is not None:
        more["ExpressionAttributeValues"] = values
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    if kind == CONDITION:
        return client.delete_item(TableName=table, Key=key, ConditionExpression=expression, **more)
    if kind == UPDATE:
        return client.update_item(TableName=table, Key=key, UpdateExpression=expression, **more)
    if kind == PROJECTION:
        return client.get_item(TableName=table, Key=key, ProjectionExpression=expression, **more)
    if kind == KEYS:
        return client.query(TableName=table, KeyConditionExpression=expression, **more)
    more["ExpressionAttributeValues"][":key"] = {"S": "a"}
    return client.query(TableName=table, KeyConditionExpression="pk = :key", FilterExpression=expression, **more)


def test_each_fault_has_its_words(ddb, sorted_table):
    ddb.put_item(TableName=sorted_table, Item={"pk": {"S": "a"}, "sk": {"S": "b"}, "t": {"S": "text"}})
    wrong = []
    for kind, expression, names, values, message in CASES:
        try:
            ask(ddb, sorted_table, kind, expression, names, values)
            wrong.append((expression[:60], "succeeded", message))
        except ClientError as error:
            told = error.response["Error"]
            if told["Code"] != "ValidationException" or not told["Message"].startswith(message):
                wrong.append((expression[:60], told["Code"], told["Message"][:300], message))
    assert not wrong, "\n".join(map(str, wrong))


def test_what_is_just_within_the_limits(ddb, sorted_table):
    def holds(condition, **values):
        with pytest.raises(ddb.exceptions.ConditionalCheckFailedException):
            ddb.delete_item(TableName=sorted_table, Key={"pk": {"S": "a"}, "sk": {"S": "b"}}, ConditionExpression=condition,
                            **({"ExpressionAttributeValues": values["values"]} if values else {}))

    holds("a IN (" + ", ".join([":v"] * 100) + ")", values={":v": ONE})
    holds("attribute_exists(" + "a" * 255 + ")" + " " * (4096 - 255 - 18))
    holds(" AND ".join(["a = :v"] * 150), values={":v": ONE})
    ddb.get_item(TableName=sorted_table, Key={"pk": {"S": "a"}, "sk": {"S": "b"}}, ProjectionExpression="a" + ".b" * 31)
