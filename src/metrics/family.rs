//! Families of series: registered once, every known series there from the start, handles in an array.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::label::Label;

/// All there is to know of a metric before it is registered.
pub(super) struct Spec<'a> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) buckets: &'static [f64],
    pub(super) topic_prefix: &'a str,
}

impl Spec<'_> {
    pub(super) fn opts(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    fn histogram_opts(&self) -> HistogramOpts {
        HistogramOpts::from(self.opts()).buckets(self.buckets.to_vec())
    }

    fn texts<L: Label>(&self) -> Vec<Cow<'static, str>> {
        L::all().iter().map(|label| label.text(self.topic_prefix)).collect()
    }
}

/// Something that can be registered under a name.
pub(super) trait Family: Sized {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error>;
}

impl Family for IntCounter {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let counter = IntCounter::with_opts(spec.opts())?;
        registry.register(Box::new(counter.clone()))?;
        Ok(counter)
    }
}

impl Family for IntGauge {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let gauge = IntGauge::with_opts(spec.opts())?;
        registry.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }
}

impl Family for IntGaugeVec {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let family = IntGaugeVec::new(spec.opts(), spec.labels)?;
        registry.register(Box::new(family.clone()))?;
        Ok(family)
    }
}

impl Family for Histogram {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let histogram = Histogram::with_opts(spec.histogram_opts())?;
        registry.register(Box::new(histogram.clone()))?;
        Ok(histogram)
    }
}

/// One handle for every combination of label values.
///
/// [`Label::index`] is within [`Label::all`], so the spare handle, which nobody sees, is never used; it is there so
/// that counting cannot panic.
#[derive(Debug)]
struct Handles<H>(Arc<(Vec<H>, H)>);

impl<H> Clone for Handles<H> {
    fn clone(&self) -> Self {
        Handles(Arc::clone(&self.0))
    }
}

impl<H> Handles<H> {
    fn resolve(
        combinations: &[Vec<Cow<'static, str>>],
        resolve: impl Fn(&[&str]) -> Result<H, prometheus::Error>,
        spare: H,
    ) -> Result<Self, prometheus::Error> {
        let handle = |texts: &Vec<Cow<'static, str>>| {
            let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
            resolve(&texts)
        };
        let handles = combinations.iter().map(handle).collect::<Result<Vec<H>, _>>()?;
        Ok(Handles(Arc::new((handles, spare))))
    }

    fn at(&self, index: usize) -> &H {
        let (handles, spare) = &*self.0;
        handles.get(index).unwrap_or(spare)
    }
}

/// Every combination, the last label changing fastest.
fn combinations(labels: &[Vec<Cow<'static, str>>]) -> Vec<Vec<Cow<'static, str>>> {
    labels.iter().fold(vec![Vec::new()], |before, values| {
        let with = |combination: &Vec<Cow<'static, str>>, value: &Cow<'static, str>| {
            combination.iter().chain([value]).cloned().collect()
        };
        before.iter().flat_map(|combination| values.iter().map(move |value| with(combination, value))).collect()
    })
}

fn counters(
    registry: &Registry,
    spec: &Spec<'_>,
    labels: &[Vec<Cow<'static, str>>],
) -> Result<Handles<IntCounter>, prometheus::Error> {
    let family = IntCounterVec::new(spec.opts(), spec.labels)?;
    registry.register(Box::new(family.clone()))?;
    let spare = IntCounter::with_opts(spec.opts())?;
    Handles::resolve(&combinations(labels), |texts| family.get_metric_with_label_values(texts), spare)
}

fn gauges(
    registry: &Registry,
    spec: &Spec<'_>,
    labels: &[Vec<Cow<'static, str>>],
) -> Result<Handles<IntGauge>, prometheus::Error> {
    let family = IntGaugeVec::register(registry, spec)?;
    let spare = IntGauge::with_opts(spec.opts())?;
    Handles::resolve(&combinations(labels), |texts| family.get_metric_with_label_values(texts), spare)
}

macro_rules! families {
    ($($(#[$meta:meta])* $name:ident<$($label:ident $value:ident),+>: $handle:ty;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name<$($label),+> {
            handles: Handles<$handle>,
            labels: PhantomData<fn($($label),+)>,
        }

        impl<$($label: Label),+> $name<$($label),+> {
            /// The series of these label values.
            pub fn of(&self, $($value: $label),+) -> &$handle {
                self.handles.at([$(($value.index(), $label::all().len())),+].into_iter().fold(0, place))
            }
        }
    )+};
}

/// Goes one label deeper into the order of [`combinations`].
fn place(before: usize, (index, values): (usize, usize)) -> usize {
    before * values + index
}

families! {
    /// Counters by one label.
    Counters<A a>: IntCounter;
    /// Counters by two labels.
    Counters2<A a, B b>: IntCounter;
    /// Counters by three labels.
    Counters3<A a, B b, C c>: IntCounter;
    /// Gauges by one label.
    Gauges<A a>: IntGauge;
    /// Gauges by two labels.
    Gauges2<A a, B b>: IntGauge;
    /// Histograms by one label.
    Histograms<A a>: Histogram;
}

impl<A: Label> Family for Counters<A> {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let handles = counters(registry, spec, &[spec.texts::<A>()])?;
        Ok(Self { handles, labels: PhantomData })
    }
}

impl<A: Label, B: Label> Family for Counters2<A, B> {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let handles = counters(registry, spec, &[spec.texts::<A>(), spec.texts::<B>()])?;
        Ok(Self { handles, labels: PhantomData })
    }
}

impl<A: Label, B: Label, C: Label> Family for Counters3<A, B, C> {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let handles = counters(registry, spec, &[spec.texts::<A>(), spec.texts::<B>(), spec.texts::<C>()])?;
        Ok(Self { handles, labels: PhantomData })
    }
}

impl<A: Label> Family for Gauges<A> {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let handles = gauges(registry, spec, &[spec.texts::<A>()])?;
        Ok(Self { handles, labels: PhantomData })
    }
}

impl<A: Label, B: Label> Family for Gauges2<A, B> {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let handles = gauges(registry, spec, &[spec.texts::<A>(), spec.texts::<B>()])?;
        Ok(Self { handles, labels: PhantomData })
    }
}

impl<A: Label> Family for Histograms<A> {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let family = HistogramVec::new(spec.histogram_opts(), spec.labels)?;
        registry.register(Box::new(family.clone()))?;
        let spare = Histogram::with_opts(spec.histogram_opts())?;
        let resolve = |texts: &[&str]| family.get_metric_with_label_values(texts);
        let handles = Handles::resolve(&combinations(&[spec.texts::<A>()]), resolve, spare)?;
        Ok(Self { handles, labels: PhantomData })
    }
}

/// CPU, memory, file descriptors and start time, under the names every process has them.
pub(super) fn register_process(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(ProcessCollector::for_self()))
}

/// Which build this is.
pub(super) fn register_build_info(registry: &Registry) -> Result<(), prometheus::Error> {
    let opts = Opts::new("golden_bell_build_info", "The build that is running; always 1.")
        .const_label("version", env!("CARGO_PKG_VERSION"))
        .const_label("revision", option_env!("GOLDEN_BELL_REVISION").unwrap_or("unknown"));
    let gauge = Gauge::with_opts(opts)?;
    gauge.set(1.0);
    registry.register(Box::new(gauge))
}
