# What Headgate uses of aiokafka 0.14, which has no types of its own; private parts too, where nothing else will do.

from .abc import ConsumerRebalanceListener as ConsumerRebalanceListener
from .consumer import AIOKafkaConsumer as AIOKafkaConsumer
from .producer import AIOKafkaProducer as AIOKafkaProducer
from .structs import ConsumerRecord as ConsumerRecord
from .structs import OffsetAndMetadata as OffsetAndMetadata
from .structs import TopicPartition as TopicPartition
