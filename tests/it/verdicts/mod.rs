//! Is the verdict on a failed try the true one?

mod adversarial;
