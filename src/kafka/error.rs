//! Kafka's errors as a closed set of labels, and which of them pass by themselves.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What a shell can do about an error of Kafka.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client could not be made: a bad property, most likely.
    #[error("kafka client: {0}")]
    Client(String),
    /// The broker did not answer, or not well; trying again may help.
    #[error("kafka: {what}: {tag}: {detail}")]
    Broker {
        /// What was being done.
        what: &'static str,
        /// The label of the error, one of a closed set.
        tag: &'static str,
        /// The client's own words.
        detail: String,
    },
    /// Another process has taken over this one's transactional id.
    #[error("another live process uses this instance id: {0}")]
    Fenced(String),
    /// What is stored does not fit this program or its configuration.
    #[error("{0}")]
    Layout(String),
}

impl Error {
    /// Wraps an error of the client with what was being done.
    pub(crate) fn broker(what: &'static str, error: &KafkaError) -> Self {
        if is_fenced(error) {
            return Error::Fenced(error.to_string());
        }
        Error::Broker { what, tag: tag(error), detail: error.to_string() }
    }
}

/// The code inside an error, if it has one.
pub(crate) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::Transaction(inner) => Some(inner.code()),
        other => other.rdkafka_error_code(),
    }
}

pub(crate) fn is_fenced(error: &KafkaError) -> bool {
    matches!(
        code(error),
        Some(RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::FencedInstanceId)
    )
}

/// Whether the error is news of a broker's absence, which the client mends by itself.
pub(crate) fn is_passing(error: &KafkaError) -> bool {
    matches!(
        code(error),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::NotCoordinator
        )
    )
}

/// A label for an error: one of a small, closed set.
pub(crate) fn tag(error: &KafkaError) -> &'static str {
    match code(error) {
        None => "client",
        Some(code) => match code {
            RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve => {
                "unreachable"
            }
            RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::RequestTimedOut => "timed_out",
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => "unknown_topic",
            RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::FencedInstanceId => {
                "fenced"
            }
            RDKafkaErrorCode::MessageSizeTooLarge => "too_large",
            RDKafkaErrorCode::QueueFull => "queue_full",
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::TopicAuthorizationFailed => "not_allowed",
            _ => "other",
        },
    }
}
