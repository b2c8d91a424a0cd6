"""Header names: FastStream's own, with Spring's and CloudEvents' accepted beside them and echoed.

Sources: FastStream's `KafkaMessage` (`correlation_id`, `reply_to`, `content-type`), spring-kafka's `KafkaHeaders`
(`kafka_replyTopic`, `kafka_correlationId`), and the CloudEvents Kafka protocol binding 1.0.2 (`ce_id`, `ce_type`, …).
"""

from typing import Final

CORRELATION_ID: Final = "correlation_id"
REPLY_TO: Final = "reply_to"
CONTENT_TYPE: Final = "content-type"

SPRING_REPLY_TOPIC: Final = "kafka_replyTopic"
SPRING_CORRELATION_ID: Final = "kafka_correlationId"
CLOUDEVENTS_ID: Final = "ce_id"

#: Ours. The envelope's fields of the same name win over them.
REQUEST_ID: Final = "headgate-request-id"
BATCH: Final = "headgate-batch"
KEY: Final = "headgate-key"
DEADLINE: Final = "headgate-deadline"
STATUS: Final = "headgate-status"
CAUSE: Final = "headgate-cause"
ORIGIN: Final = "headgate-origin"
#: On the answer to a copy for a shadow: the id of the request that was copied.
SHADOW_OF: Final = "headgate-shadow-of"

#: What proves that a request comes from its key (docs/keys.md). Upper and lower case are the same in these four: what
#: comes from HTTP spells them either way, and a secret must be known for one however it is spelt.
AUTHORIZATION: Final = "authorization"
SECRET: Final = "headgate-secret"  # noqa: S105 - the name of a header
SIGNATURE: Final = "headgate-signature"
SIGNED_AT: Final = "headgate-signed-at"

#: Whoever reads these can be who sent them.
SECRETS: Final = frozenset({AUTHORIZATION, SECRET})
#: They are for the gateway alone: no record that it writes carries them on.
PROOF: Final = frozenset({*SECRETS, SIGNATURE, SIGNED_AT})

#: A reply carries these back exactly as they came, so that any client's own correlation works.
ECHOED: Final = frozenset({CORRELATION_ID, SPRING_CORRELATION_ID})
