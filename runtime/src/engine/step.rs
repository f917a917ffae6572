//! Taking one frame through the layers.

use super::kernel;
use super::plan::{LayerPlan, Plan, Pooling, quad_products};
use super::rescale::finish;
use super::{Answer, Engine};
use crate::packed::{Layer, PackedModel, QUAD};

/// Quads whose sums are worked out together, on the stack.
const QUADS_AT_ONCE: usize = 8;

/// The engine's parts, taken apart for one step.
pub(super) struct Run<'a, 'm> {
    model: &'a PackedModel<'m>,
    plan: &'a mut Plan,
    quota: Option<u32>,
    windows: &'a mut u32,
    /// Sums and running means.
    words: &'a mut [u32],
    /// Windows, rings and outputs: 8-bit integers in 16 bits.
    halves: &'a mut [i16],
    // Not generic: one copy of this code for all that listen.
    on_answer: &'a mut dyn FnMut(Answer<'_, 'm>),
    on_layer: &'a mut dyn FnMut(usize),
}

impl<'m> Engine<'m, '_> {
    pub(super) fn run<'a>(
        &'a mut self,
        on_answer: &'a mut dyn FnMut(Answer<'_, 'm>),
        on_layer: &'a mut dyn FnMut(usize),
    ) -> Run<'a, 'm> {
        let (words, halves) = self.state.split_at_mut(self.plan.words);
        Run {
            model: self.model,
            plan: &mut self.plan,
            quota: self.quota,
            windows: &mut self.windows,
            words,
            halves: bytemuck::cast_slice_mut(halves),
            on_answer,
            on_layer,
        }
    }
}

impl Run<'_, '_> {
    /// Takes a frame of codes and works as much as one frame may.
    pub(super) fn enter(&mut self, codes: &[u8]) {
        assert_eq!(codes.len(), self.model.mel_config().mel_bands, "a frame has one code for each band");
        (self.on_layer)(0);
        let column = self.next_column(0);
        for (value, &code) in self.halves[column..].iter_mut().zip(codes) {
            *value = i16::from(code) - 128;
        }
        self.came(0);
        self.quads(0, usize::MAX);
        self.work(self.quota);
    }

    /// Works on what the layers have before them, lower ones first, until it is done or the quota is used up.
    pub(super) fn work(&mut self, quota: Option<u32>) {
        let mut left = quota.unwrap_or(u32::MAX);
        for i in 1..self.plan.layers.len() {
            if self.plan.layers[i].next_quad.is_none() {
                continue;
            }
            if left == 0 {
                break;
            }
            (self.on_layer)(i);
            let each = quad_products(&self.model.layers()[i]);
            let quads = if quota.is_some() { left.div_ceil(each) as usize } else { usize::MAX };
            let done = self.quads(i, quads);
            left = left.saturating_sub(each.saturating_mul(done as u32));
        }
        (self.on_layer)(self.plan.layers.len());
    }

    /// Makes room for a layer's next column and returns where it begins.
    fn next_column(&mut self, layer: usize) -> usize {
        if self.plan.layers[layer].next_quad.is_some() {
            self.settle(layer);
        }
        let plan = &self.plan.layers[layer];
        let column = self.model.layers()[layer].column();
        let (start, end) = (plan.window as usize, plan.window as usize + usize::from(plan.columns) * column);
        self.halves.copy_within(start + column..end, start);
        end - column
    }

    /// Finishes what this layer and those behind it are at, the last ones first, so that each finds the next one free.
    #[cold]
    fn settle(&mut self, layer: usize) {
        for i in (layer..self.plan.layers.len()).rev() {
            if self.plan.layers[i].next_quad.is_some() {
                (self.on_layer)(i);
                self.quads(i, usize::MAX);
            }
        }
    }

    /// Notes that a layer's newest column has been written.
    fn came(&mut self, layer: usize) {
        let plan = &mut self.plan.layers[layer];
        plan.seen = (plan.seen + 1).min(plan.columns);
        if plan.seen == plan.columns {
            plan.next_quad = Some(0);
            if plan.dilation > 1 {
                let (plan, layer) = (*plan, &self.model.layers()[layer]);
                self.gather(&plan, layer);
            }
        }
    }

    /// Works on up to `most` quads of a layer's position, and goes on to the pool after the last. Returns how many.
    fn quads(&mut self, i: usize, most: usize) -> usize {
        let (plan, layer) = (self.plan.layers[i], &self.model.layers()[i]);
        let Some(first) = plan.next_quad.map(usize::from) else { return 0 };
        let end = layer.quads().min(first.saturating_add(most));
        if plan.dilation > 1 && first > 0 {
            // Another layer may have gathered its window in between.
            self.gather(&plan, layer);
        }
        let window = if plan.dilation > 1 { self.plan.gathered } else { plan.window as usize };
        let taps = layer.padded_taps();
        let mut quad = first;
        while quad < end {
            let next = end.min(quad + QUADS_AT_ONCE);
            let mut sums = [0; QUADS_AT_ONCE * QUAD];
            let sums = &mut sums[..(next - quad) * QUAD];
            let weights = &layer.weights[quad * QUAD * taps..next * QUAD * taps];
            kernel::multiply(&self.halves[window..window + taps], weights, sums);
            let row = quad * QUAD;
            let rows = row..usize::from(layer.outputs).min(next * QUAD);
            let held = plan.held as usize;
            if plan.pooling == Pooling::Peaks {
                let peaks: &mut [i32] =
                    bytemuck::cast_slice_mut(&mut self.words[held + row..held + rows.end]);
                if plan.phase == 0 {
                    peaks.copy_from_slice(&sums[..peaks.len()]);
                } else {
                    peaks.iter_mut().zip(&*sums).for_each(|(peak, &sum)| *peak = (*peak).max(sum));
                }
            } else {
                finish(layer, row, sums, &mut self.halves[held + row..held + rows.end]);
            }
            quad = next;
        }
        if end == layer.quads() {
            self.plan.layers[i].next_quad = None;
            self.pool(i);
        } else {
            self.plan.layers[i].next_quad = Some(end as u16);
        }
        end - first
    }

    /// Puts the columns under a dilated kernel together.
    fn gather(&mut self, plan: &LayerPlan, layer: &Layer<'_>) {
        let column = layer.column();
        for k in 0..usize::from(layer.kernel) {
            let from = plan.window as usize + k * usize::from(plan.dilation) * column;
            self.halves.copy_within(from..from + column, self.plan.gathered + k * column);
        }
        // What another layer left there is multiplied by 0.
    }

    /// A position is complete: hands the outputs on when the pool is.
    fn pool(&mut self, i: usize) {
        let (plan, layer) = (self.plan.layers[i], &self.model.layers()[i]);
        let (held, outputs) = (plan.held as usize, usize::from(layer.outputs));
        match plan.pooling {
            Pooling::None => {
                let column = self.column_behind(i);
                self.halves.copy_within(held..held + outputs, column);
                self.handed_on(i);
            }
            Pooling::Peaks if plan.phase + 1 < u16::from(layer.pool) => self.plan.layers[i].phase += 1,
            Pooling::Peaks => {
                self.plan.layers[i].phase = 0;
                let column = self.column_behind(i);
                let peaks = bytemuck::cast_slice(&self.words[held..held + outputs]);
                finish(layer, 0, peaks, &mut self.halves[column..column + outputs]);
                self.handed_on(i);
            }
            Pooling::Sliding => self.slide(i),
        }
    }

    /// A pool that slides: keeps the position, and hands on the largest of those under the pool.
    fn slide(&mut self, i: usize) {
        let (plan, layer) = (self.plan.layers[i], &self.model.layers()[i]);
        let (held, outputs) = (plan.held as usize, usize::from(layer.outputs));
        let (ring, columns) = (plan.ring as usize, usize::from(plan.ring_columns));
        let newest = ring + (columns - 1) * outputs;
        self.halves.copy_within(ring + outputs..ring + columns * outputs, ring);
        self.halves.copy_within(held..held + outputs, newest);
        // The first output comes when the ring is full, then one every `stride` positions.
        let phase = plan.phase + 1;
        if phase < plan.ring_columns {
            self.plan.layers[i].phase = phase;
            return;
        }
        self.plan.layers[i].phase = plan.ring_columns - plan.stride.min(plan.ring_columns);
        let column = self.column_behind(i);
        for o in 0..outputs {
            let positions = (0..columns).step_by(plan.dilation.into());
            let largest = positions.map(|position| self.halves[ring + position * outputs + o]).max();
            self.halves[column + o] = largest.unwrap_or(0);
        }
        self.handed_on(i);
    }

    /// Where the outputs of a layer go.
    fn column_behind(&mut self, i: usize) -> usize {
        if i + 1 < self.plan.layers.len() { self.next_column(i + 1) } else { self.plan.logits }
    }

    /// The outputs of a layer are where they go.
    fn handed_on(&mut self, i: usize) {
        if i + 1 < self.plan.layers.len() {
            self.came(i + 1);
        } else {
            self.answer();
        }
    }

    fn answer(&mut self) {
        let tags = self.model.tags().len();
        let logits = &self.halves[self.plan.logits..self.plan.logits + tags];
        let embedding = match (self.plan.layers.last(), self.model.layers().last()) {
            (Some(plan), Some(layer)) => {
                let inputs = usize::from(layer.inputs);
                let newest = plan.window as usize + (usize::from(plan.columns) - 1) * layer.column();
                &self.halves[newest..newest + inputs]
            }
            _ => &[],
        };
        let answer = Answer { model: self.model, window: *self.windows, logits, embedding };
        let sums = &mut self.words[self.plan.means..self.plan.means + tags];
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = (f32::from_bits(*sum) + answer.probability(i)).to_bits();
        }
        *self.windows += 1;
        (self.on_answer)(answer);
    }
}
