import { useEffect, useRef, type CSSProperties } from 'react'
import { lanesOf } from '../../instrumentation/model/pool-load.ts'
import type { Pool } from '../../instrumentation/model/state.ts'
import { BOARD_MS, isQuiet } from '../model/quiet-lane.ts'
import { useModel } from '../model/use-panel.ts'
import { drawLanes, type BoardGeometry } from './lane-canvas.ts'

/** Ten seconds across a lane move fifty pixels a second: thirty frames are as smooth as sixty. */
const FRAME_MS = 33

interface Props extends Pick<Pool, 'id' | 'max'> {
  /** The slots that have a line, from the top. */
  slots: readonly number[]
}

/** The moving part of a pool's card: one canvas behind all its lanes, drawn only when a pixel would change. */
export function BoardCanvas({ id, max, slots }: Props) {
  const model = useModel()
  const ref = useRef<HTMLCanvasElement>(null)
  const lines = slots.join(' ')
  useEffect(() => {
    const canvas = ref.current
    const context = canvas?.getContext('2d')
    if (!canvas || !context) return
    const shown = lines.split(' ').map(Number)
    const isStill = matchMedia('(prefers-reduced-motion: reduce)')
    let geometry = measure(canvas)
    let drawn = { key: '', at: Number.NEGATIVE_INFINITY, isStill: false }
    let isInSight = true
    const draw = () => {
      if (!isInSight) return
      const now = model.clock.now()
      const step = isStill.matches ? 1000 : Math.max(FRAME_MS, BOARD_MS / geometry.width)
      const key = `${document.documentElement.dataset.theme} ${geometry.width} ${geometry.height} ${model.clock.isFrozen}`
      if (key === drawn.key && Math.abs(now - drawn.at) < step) return
      const lanes = lanesOf(model.view().state, { id, max })
      const inLines = shown.map(slot => lanes[slot])
      drawn = { key, at: now, isStill: model.clock.isFrozen || inLines.every(lane => isQuiet(lane, now)) }
      drawLanes(context, geometry, inLines, now)
    }
    let frame: number | null = null
    const next = () => {
      draw()
      frame = drawn.isStill || !isInSight ? null : requestAnimationFrame(next)
    }
    // Where nothing moves no frame is asked for, until there is news; each second has some.
    const wake = () => {
      drawn.isStill = false
      frame ??= requestAnimationFrame(next)
    }
    wake()
    const stop = model.subscribe(wake)
    const observer = new ResizeObserver(() => {
      geometry = measure(canvas)
      drawn = { key: '', at: Number.NEGATIVE_INFINITY, isStill: false }
      // Resizing empties a canvas, and the next animation frame comes only after this one is painted.
      draw()
    })
    observer.observe(canvas)
    const sight = new IntersectionObserver(entries => {
      isInSight = entries.at(-1)!.isIntersecting
      if (isInSight) wake()
    })
    sight.observe(canvas)
    return () => {
      stop()
      if (frame !== null) cancelAnimationFrame(frame)
      observer.disconnect()
      sight.disconnect()
    }
  }, [model, id, max, lines])
  // A property of its own, which the style sheet multiplies with the height of a lane.
  const style = { '--lines': slots.length } as CSSProperties
  return <canvas ref={ref} className="board-canvas" style={style} aria-hidden="true" />
}

function measure(canvas: HTMLCanvasElement): BoardGeometry {
  const { clientWidth: width, clientHeight: height } = canvas
  canvas.width = Math.round(width * devicePixelRatio)
  canvas.height = Math.round(height * devicePixelRatio)
  const style = getComputedStyle(canvas)
  return {
    width,
    height,
    laneHeight: Number.parseFloat(style.getPropertyValue('--lane-height')),
    trackTop: Number.parseFloat(style.getPropertyValue('--track-top')),
  }
}
