"""A Kafka cluster as the bus of workers, by kafka-python."""

from pipeline.bus.kafka.bus import KafkaBus
from pipeline.bus.kafka.consumer import KafkaConsumer
from pipeline.bus.kafka.groups import Backlog
from pipeline.bus.kafka.producer import KafkaProducer
from pipeline.bus.kafka.security import Security
from pipeline.bus.kafka.topics import TopicFacts

__all__ = ["Backlog", "KafkaBus", "KafkaConsumer", "KafkaProducer", "Security", "TopicFacts"]
