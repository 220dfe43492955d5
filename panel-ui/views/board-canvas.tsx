import { useEffect, useRef } from 'react'
import { lanesOf } from '../model/pool-load.ts'
import type { Pool } from '../model/state.ts'
import { useModel } from '../model/use-panel.ts'
import { drawLanes, BOARD_MS, type BoardGeometry } from './lane-canvas.ts'

/** The moving part of a pool's card: one canvas behind all its lanes, drawn only when a pixel would change. */
export function BoardCanvas({ pool }: { pool: Pool }) {
  const model = useModel()
  const ref = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const canvas = ref.current
    const context = canvas?.getContext('2d')
    if (!canvas || !context) return
    const isStill = matchMedia('(prefers-reduced-motion: reduce)')
    let geometry = measure(canvas)
    let drawn = { key: '', at: Number.NEGATIVE_INFINITY }
    let frame = requestAnimationFrame(draw)
    const observer = new ResizeObserver(() => {
      geometry = measure(canvas)
      drawn = { key: '', at: Number.NEGATIVE_INFINITY }
    })
    observer.observe(canvas)
    function draw() {
      frame = requestAnimationFrame(draw)
      const now = model.clock.now()
      const step = isStill.matches ? 1000 : Math.max(16, BOARD_MS / geometry.width)
      const key = `${document.documentElement.dataset.theme} ${model.clock.isFrozen}`
      if (key === drawn.key && Math.abs(now - drawn.at) < step) return
      drawn = { key, at: now }
      drawLanes(context!, geometry, lanesOf(model.view().state, pool), now)
    }
    return () => {
      cancelAnimationFrame(frame)
      observer.disconnect()
    }
  }, [model, pool])
  return <canvas ref={ref} className="board-canvas" aria-hidden="true" />
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
